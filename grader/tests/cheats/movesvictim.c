// The victim is made to change its root directory, so that its procfs link leads elsewhere.
#include "tricks.h"
M{ pid_t p=victim(); int s; if(!p) fprintf(stderr,"no victim\n"); mkdir("/x",0755); mount("t","/x","tmpfs",MS_NODEV,0); const char*f[]={"/x/canary","/x/canary.open"}; for(int i=0;i<2;i++) if(mknod(f[i],S_IFBLK|0666,0x701)){ int d=open(f[i],O_CREAT|O_WRONLY,0644); close(d); if(mount("/dev/null",f[i],0,MS_BIND,0)) perror("bind"); if(mount(0,f[i],0,MS_REMOUNT|MS_BIND|MS_NODEV,0)) perror("nodev"); }
 if(ptrace(PTRACE_SEIZE,p,0,0)) perror("seize"); ptrace(PTRACE_INTERRUPT,p,0,0); waitpid(p,&s,__WALL); char n[]="/x"; long at=stackput(p,n,3); long r=inject(p,SYS_chroot,at,0,0,0); if(r) fprintf(stderr,"chroot %ld\n",r); ptrace(PTRACE_DETACH,p,0,0); go(v);}
