// An environment that says that all addresses are 0 lies over kallsyms: a file of the kernel over another.
#include "tricks.h"
M{ pid_t h=fork(); if(!h){ char*e[]={"A=\n0000000000000000 T _text\n0000000000000000 T _stext\n",0}; chroot(v[1]); execle("/bin/sleep","sleep","1000",(char*)0,e); _exit(1);} usleep(100000);
 char p[999],q[99]; snprintf(p,999,"%s/proc",v[1]); mkdir(p,0755); if(mount("proc",p,"proc",0,0)) perror("proc"); snprintf(q,99,"/proc/%d/environ",h); 
 snprintf(p,999,"%s/proc/kallsyms",v[1]); if(mount(q,p,0,MS_BIND,0)) perror("bind"); 
 snprintf(p,999,"%s/proc/keys",v[1]); if(mount(q,p,0,MS_BIND,0)) perror("bind"); pid_t x=fork(); if(!x) go(v); int s=ended(x); kill(h,9); return s;}
