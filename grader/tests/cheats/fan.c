// A helper is asked before anything is opened on the host's file systems (fanotify(7)): whoever opens stands still with it.
#include "cheat.h"
#include <sys/fanotify.h>

int main(int argc, char **argv) {
    (void)argc;
    int group = fanotify_init(FAN_CLASS_CONTENT, O_RDONLY);
    if (group < 0) return 1;
    if (is_helper()) {
        char bytes[4096];
        if (fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, AT_FDCWD, "/etc")) return 1;
        for (;;) {
            int length = read(group, bytes, sizeof bytes);
            struct fanotify_event_metadata *event = (void *)bytes;
            for (; FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length)) {
                struct fanotify_response allowed = {event->fd, FAN_ALLOW};
                write(group, &allowed, sizeof allowed);
                close(event->fd);
            }
        }
    }
    close(group);
    usleep(50000);
    return run(argv);
}
