// The rootfs is moved over the root of its mount namespace, and the host is below it.
#include "tricks.h"
M{ unshare(CLONE_NEWNS); mount(0,"/",0,MS_REC|MS_PRIVATE,0); mount(v[1],v[1],0,MS_BIND,0); chdir(v[1]); if(mount(".","/",0,MS_MOVE,0)) perror("move"); chroot("."); chdir("/"); execv(v[2],v+2); return 1;}
