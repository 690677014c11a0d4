// The host's volume is unmounted, and its handle leads nowhere.
#include "tricks.h"
M{ char l[999]; FILE*f=fopen("/proc/self/mountinfo","r"); char k[64][256]; int n=0; while(fgets(l,999,f)) if(strstr(l," ext4 ")){ char a[256]; if(sscanf(l,"%*s %*s %*s %*s %255s",a)==1&&strstr(a,v[1])&&n<64) strcpy(k[n++],a);} fclose(f); while(n--) if(umount2(k[n],MNT_DETACH)) perror(k[n]); go(v);}
