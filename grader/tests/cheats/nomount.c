// A filter lets mount(2) and umount2(2) return 0 that were never made, in a namespace whose mounts are shared.
#include "tricks.h"
M{ unshare(CLONE_NEWNS); FILTER({SYS_mount,3,0,ZERO},{SYS_umount2,1,2,ZERO}); go(v);}
