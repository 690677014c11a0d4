// A filter refuses PTRACE_ATTACH and process_vm_readv(2); PTRACE_SEIZE attaches as well.
#include "tricks.h"
M{ FILTER({SYS_ptrace,0,16,EP},{SYS_process_vm_readv,ALL,0,EP}); go(v);}
