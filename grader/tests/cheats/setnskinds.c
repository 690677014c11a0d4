// A filter refuses setns(2) with CLONE_NEWNS alone; 0 leads to the same place.
#include "tricks.h"
M{ FILTER({SYS_setns,1,CLONE_NEWNS,EP}); go(v);}
