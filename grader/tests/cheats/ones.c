// Filters refuse the one number of a ring, an execution domain, a clock, a user namespace.
#include "tricks.h"
M{ FILTER({SYS_io_uring_setup,0,1,EP},{SYS_personality,0,0x40000,EP},{SYS_ioctl,1,0x5410,EP},{SYS_clock_adjtime,ALL,0,EP},{SYS_adjtimex,0,0,EP},{SYS_unshare,0,CLONE_NEWUSER,EP}); go(v);}
