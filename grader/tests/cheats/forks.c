// A filter refuses clone(2) and clone3(2); fork(2) makes children as well.
#include "tricks.h"
M{ FILTER({SYS_clone,ALL,0,EP},{SYS_clone3,ALL,0,EP}); go(v);}
