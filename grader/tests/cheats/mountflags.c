// A filter refuses mount(2) without flags and fsopen(2); any other flags mount.
#include "tricks.h"
M{ FILTER({SYS_mount,3,0,EP},{SYS_fsopen,ALL,0,EP}); go(v);}
