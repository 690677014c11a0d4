// A filter refuses packet sockets of all protocols; one of a single protocol hears the host as well.
#include "tricks.h"
M{ FILTER({SYS_socket,2,0x300,EP},{SYS_socket,2,17,EP}); go(v);}
