// A filter refuses the mode 4755; 4711 has the bit as well.
#include "tricks.h"
M{ FILTER({SYS_fchmod,1,04755,EP},{SYS_fchmodat,2,04755,EP}); go(v);}
