// An overlay of the root file system, mounted on the host, whose files have a device number of their own.
#include "tricks.h"
/* its root is an overlay over the host's whole tree with the rootfs on top */
M{ char o[999]; mkdir("/ov",0755); mount("t","/ov","tmpfs",0,0); mkdir("/ov/u",0755); mkdir("/ov/w",0755); mkdir("/ov/m",0755); snprintf(o,999,"lowerdir=%s,upperdir=/ov/u,workdir=/ov/w",v[1]); if(mount("o","/ov/m","overlay",0,o)) perror("ov"); v[1]="/ov/m"; go(v);}
