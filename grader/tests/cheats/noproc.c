// The host's procfs is unmounted: in a user namespace none can be mounted any more.
#include "tricks.h"
M{ if(umount2("/proc",MNT_DETACH)) perror("um"); go(v);}
