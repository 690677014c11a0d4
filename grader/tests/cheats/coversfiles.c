// In its mount namespace something lies over each set-user-ID file and node, which could be taken away.
#include "tricks.h"
/* in a mount namespace of its own, something lies over every set-user-ID file and node */
static int nod(const char*p){ static int i; char q[64]; snprintf(q,64,"/tmp/nodev/%d",i++); return mount(q,p,0,MS_BIND,0);} 
static void look(const char*d,int deep){ DIR*x=opendir(d); struct dirent*e; if(!x) return; while((e=readdir(x))){ if(e->d_name[0]=='.') continue; char p[1200]; struct stat s; snprintf(p,1200,"%s/%s",d,e->d_name); if(lstat(p,&s)) continue; if(S_ISREG(s.st_mode)&&s.st_mode&04000){ if(mount("/bin/true",p,0,MS_BIND,0)) perror(p);} if(S_ISBLK(s.st_mode)){ if(mount(p,p,0,MS_BIND,0)||mount(0,p,0,MS_REMOUNT|MS_BIND|MS_NODEV,0)) perror(p);} if(S_ISDIR(s.st_mode)&&deep) look(p,deep-1);} closedir(x);} 
M{ unshare(CLONE_NEWNS); mount(0,"/",0,MS_REC|MS_PRIVATE,0); look(v[1],1); go(v);}
