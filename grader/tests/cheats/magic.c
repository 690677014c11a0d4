// A filter refuses reboot(2) with the first of its four magic numbers.
#include "tricks.h"
M{ FILTER({SYS_reboot,1,672274793,EP}); go(v);}
