// What some of the programs beside this file share: filters by rules, a supervisor, a call put into another process.
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmisleading-indentation"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-result"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wstringop-truncation"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wdiscarded-qualifiers"
#pragma GCC diagnostic ignored "-Wpointer-sign"
#pragma GCC diagnostic ignored "-Wclobbered"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <sched.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/user.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#define EP (SECCOMP_RET_ERRNO|EPERM)
#define ZERO (SECCOMP_RET_ERRNO|0)
#define NOTE SECCOMP_RET_USER_NOTIF
#define ALL -1
struct rule { int nr, arg; unsigned val; unsigned act; };
static int install(const struct rule *r,int n,unsigned flags){
  struct sock_filter f[512]; int k=0;
  f[k++]=(struct sock_filter)BPF_STMT(BPF_LD|BPF_W|BPF_ABS,offsetof(struct seccomp_data,arch));
  f[k++]=(struct sock_filter)BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K,AUDIT_ARCH_X86_64,1,0);
  f[k++]=(struct sock_filter)BPF_STMT(BPF_RET|BPF_K,SECCOMP_RET_ALLOW);
  for(int i=0;i<n;i++){
    f[k++]=(struct sock_filter)BPF_STMT(BPF_LD|BPF_W|BPF_ABS,offsetof(struct seccomp_data,nr));
    if(r[i].arg<0){
      f[k++]=(struct sock_filter)BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K,r[i].nr,0,1);
    } else {
      f[k++]=(struct sock_filter)BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K,r[i].nr,0,3);
      f[k++]=(struct sock_filter)BPF_STMT(BPF_LD|BPF_W|BPF_ABS,offsetof(struct seccomp_data,args)+8*r[i].arg);
      f[k++]=(struct sock_filter)BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K,r[i].val,0,1);
    }
    f[k++]=(struct sock_filter)BPF_STMT(BPF_RET|BPF_K,r[i].act);
  }
  f[k++]=(struct sock_filter)BPF_STMT(BPF_RET|BPF_K,SECCOMP_RET_ALLOW);
  struct sock_fprog p={k,f};
  int fd=syscall(SYS_seccomp,SECCOMP_SET_MODE_FILTER,flags,&p);
  if(fd<0) perror("seccomp"); return fd;
}
#define FILTER(...) do{ struct rule r[]={__VA_ARGS__}; install(r,sizeof r/sizeof *r,0);}while(0)
static void go(char**v){ if(chroot(v[1])||chdir("/")) _exit(255); execv(v[2],v+2); _exit(255);}
static int ended(pid_t p){ int s; while(waitpid(p,&s,0)<0&&errno==EINTR); return WIFEXITED(s)?WEXITSTATUS(s):128+WTERMSIG(s);}
static void run(char**v){ pid_t p=fork(); if(!p) go(v); exit(ended(p)); }
static pid_t victim(void){ for(pid_t i=2;i<65536;i++){ char n[64],b[256]={0}; snprintf(n,64,"/proc/%d/cmdline",i); int f=open(n,O_RDONLY); if(f<0) continue; int l=read(f,b,255); close(f); for(int k=0;k<l;k++) if(!strcmp(b+k,"--victim")) return i;} return 0; }
static int put(const char*f,const char*s){ int d=open(f,O_WRONLY); if(d<0) return -1; int r=write(d,s,strlen(s)); close(d); return r; }
/* makes a stopped process do one system call */
static long inject(pid_t p,long nr,long a,long b,long c,long d){
  struct user_regs_struct o,r; ptrace(PTRACE_GETREGS,p,0,&o); r=o;
  long code=ptrace(PTRACE_PEEKTEXT,p,o.rip,0);
  ptrace(PTRACE_POKETEXT,p,o.rip,(code&~0xffffL)|0x050f);
  r.rax=nr;r.rdi=a;r.rsi=b;r.rdx=c;r.r10=d;r.orig_rax=-1; ptrace(PTRACE_SETREGS,p,0,&r);
  ptrace(PTRACE_SINGLESTEP,p,0,0); int s; waitpid(p,&s,__WALL);
  ptrace(PTRACE_GETREGS,p,0,&r); long ret=r.rax;
  ptrace(PTRACE_POKETEXT,p,o.rip,code); 
  ptrace(PTRACE_SETREGS,p,0,&o); return ret;
}
static long stackput(pid_t p,const void*data,int len){
  struct user_regs_struct o; ptrace(PTRACE_GETREGS,p,0,&o); long at=(o.rsp-4096)&~15L; 
  struct iovec l={(void*)data,len},q={(void*)at,len}; process_vm_writev(p,&l,1,&q,1,0); return at; }
#define M int main(int c,char**v)
