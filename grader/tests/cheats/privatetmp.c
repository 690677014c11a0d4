// Only /tmp and /run are private in its mount namespace; all else is shared with the host.
#include "tricks.h"
M{ unshare(CLONE_NEWNS); char p[999]; const char*d[]={"tmp","run"}; for(int i=0;i<2;i++){ snprintf(p,999,"%s/%s",v[1],d[i]); mkdir(p,0777); mount(p,p,0,MS_BIND,0); mount(0,p,0,MS_PRIVATE,0);} go(v);}
