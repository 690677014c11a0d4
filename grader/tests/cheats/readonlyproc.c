// The host's procfs is read-only: in a user namespace none can be mounted that allows more.
#include "tricks.h"
M{ if(mount(0,"/proc",0,MS_REMOUNT|MS_RDONLY,0)) perror("ro"); go(v);}
