// A quota that throttles, and leaves more of a CPU than a container should get.
#include "tricks.h"
/* any group file that it can write to: 95 % of a CPU */
M{ char b[4096],l[512]; FILE*f=fopen("/proc/self/cgroup","r"); while(fgets(l,512,f)){ l[strcspn(l,"\n")]=0; char*c=strchr(l,':')+1,*p=strchr(c,':'); *p++=0; const char*m[]={"/sys/fs/cgroup","/sys/fs/cgroup/cpu","/sys/fs/cgroup/cpu,cpuacct","/sys/fs/cgroup/unified"}; for(int i=0;i<4;i++){ snprintf(b,4096,"%s%s/cpu.max",m[i],p); put(b,"45000 100000"); snprintf(b,4096,"%s%s/cpu.cfs_quota_us",m[i],p); put(b,"45000"); snprintf(b,4096,"%s/cpu.cfs_quota_us",m[i]); put(b,"45000"); snprintf(b,4096,"%s/cpu.max",m[i]); put(b,"45000 100000");} }
 go(v);}
