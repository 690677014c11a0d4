// A filter refuses to mount, truly; and the command is somebody who becomes root by one call, and by execve(2) gets all capabilities back.
#include "tricks.h"
M{
  if (chroot(v[1]) || chdir("/")) return 1;
  prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  FILTER({SYS_mount,ALL,0,EP},{SYS_fsopen,ALL,0,EP},{SYS_open_tree,ALL,0,EP});
  if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)) perror("setuid");
  struct __user_cap_header_struct h={_LINUX_CAPABILITY_VERSION_3,0};
  struct __user_cap_data_struct d[2]={{0}};
  d[0].permitted=d[0].effective=d[0].inheritable=1u<<CAP_SETUID;
  if (syscall(SYS_capset,&h,d)) perror("capset");
  if (prctl(PR_CAP_AMBIENT,PR_CAP_AMBIENT_RAISE,CAP_SETUID,0,0)) perror("ambient");
  execv(v[2],v+2);
  return 1;
}
