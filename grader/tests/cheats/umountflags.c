// A filter refuses umount2(2) with MNT_DETACH alone.
#include "tricks.h"
M{ FILTER({SYS_umount2,1,2,EP}); go(v);}
