// A helper bears the victim's number in a nested PID namespace, is PID 1's child, and undoes mounts while all stand.
#include "tricks.h"
#include <linux/sched.h>
/* a helper that bears the victim's number in a nested PID namespace and is a child of PID 1: it undoes and rewrites while all stand */
M{ pid_t vi=victim(); if(!vi) fprintf(stderr,"no victim\n");
 pid_t a=fork(); if(!a){ /* makes the namespace */ if(unshare(CLONE_NEWPID)) _exit(1); pid_t init=fork(); if(!init){ prctl(PR_SET_PDEATHSIG,0); for(;;) pause(); }
   /* its child of the wanted number */
   struct clone_args ca={0}; pid_t want[1]={vi}; ca.exit_signal=SIGCHLD; ca.set_tid=(unsigned long)want; ca.set_tid_size=1; 
   long r=syscall(SYS_clone3,&ca,sizeof ca); if(r<0){perror("clone3");} if(r==0){ for(;;){ /* moving */ char b[32]; static int n; int d=open("/moving",O_CREAT|O_WRONLY|O_TRUNC,0644); int l=snprintf(b,32,"%d\n",n++); write(d,b,l); close(d);
        /* undo whatever was mounted anew */ FILE*f=fopen("/proc/self/mountinfo","r"); char s[999],q[256]; while(f&&fgets(s,999,f)) if(sscanf(s,"%*s %*s %*s %*s %255s",q)==1&&strstr(q,"/tmp/")) umount2(q,MNT_DETACH); if(f) fclose(f); usleep(100);} }
   _exit(0);} ended(a); run(v);}
