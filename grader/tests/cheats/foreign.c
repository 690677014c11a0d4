// A supervisor hands out a packet socket of another network, for one set of numbers alone.
#include "tricks.h"
/* the supervisor gives a packet socket of another network for one set of numbers */
M{ int sp[2]; socketpair(AF_UNIX,SOCK_STREAM,0,sp); pid_t p=fork(); if(!p){ struct rule r[]={{SYS_socket,1,SOCK_DGRAM|SOCK_CLOEXEC,NOTE}}; int l=install(r,1,SECCOMP_FILTER_FLAG_NEW_LISTENER); dup2(l,60); char x; write(sp[1],"x",1); read(sp[1],&x,1); close(60); close(l); close(sp[0]); close(sp[1]); go(v);} char x; read(sp[0],&x,1); int pf=syscall(SYS_pidfd_open,p,0); int l=syscall(SYS_pidfd_getfd,pf,60,0); write(sp[0],"x",1); close(sp[0]);close(sp[1]);
 unshare(CLONE_NEWNET); int other=socket(17,SOCK_DGRAM,0x300);
 for(;;){ struct pollfd q[2]={{l,POLLIN},{pf,POLLIN}}; poll(q,2,-1); if(q[1].revents) return ended(p); if(!(q[0].revents&POLLIN)) continue; struct seccomp_notif n={0}; if(ioctl(l,SECCOMP_IOCTL_NOTIF_RECV,&n)) continue; struct seccomp_notif_resp o={n.id,0,0,SECCOMP_USER_NOTIF_FLAG_CONTINUE}; if(n.data.args[0]==17){ struct seccomp_notif_addfd f={n.id,SECCOMP_ADDFD_FLAG_SEND,other,0,0}; ioctl(l,SECCOMP_IOCTL_NOTIF_ADDFD,&f); continue;} ioctl(l,SECCOMP_IOCTL_NOTIF_SEND,&o);} }
