// A filter lets fchmod(2) return 0 that was never made.
#include "tricks.h"
M{ FILTER({SYS_fchmod,ALL,0,ZERO}); go(v);}
