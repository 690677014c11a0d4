// A filter refuses SIGTERM and pidfds; other signals and calls end the process as well.
#include "tricks.h"
M{ FILTER({SYS_kill,1,15,EP},{SYS_pidfd_open,ALL,0,EP},{SYS_pidfd_send_signal,ALL,0,EP}); go(v);}
