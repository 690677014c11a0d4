// New namespaces, and descriptors of the host's left open: a setns(2) leads back.
#include "tricks.h"
/* new namespaces of which the host's are a setns away: the command holds them */
M{ const char*k[]={"uts","ipc","net","cgroup","mnt"}; for(int i=0;i<5;i++){ char p[64]; snprintf(p,64,"/proc/self/ns/%s",k[i]); int d=open(p,O_RDONLY); dup2(d,30+i); close(d);} unshare(CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWNET|CLONE_NEWCGROUP|CLONE_NEWNS); mount(0,"/",0,MS_REC|MS_PRIVATE,0); go(v);}
