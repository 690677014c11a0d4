// Twelve covers lie over the root of its mount namespace: so many are taken off.
#include "tricks.h"
M{ unshare(CLONE_NEWNS); mount(0,"/",0,MS_REC|MS_PRIVATE,0); int d=open(v[1],O_PATH); for(int i=0;i<12;i++){ char p[64]; mount(v[1],v[1],0,MS_BIND,0); if(chdir(v[1])) return 1; if(mount(".","/",0,MS_MOVE,0)) perror("move"); fchdir(d);} 
 if(chroot(".")) return 1; chdir("/"); execv(v[2],v+2); return 1;}
