/* What runner.c and entry.S share. */
#define FRAME 0x10000 /* a state, and above it the stack that serves it */
#define FRAMES 48
#ifdef __i386__
#define SLOTS (0xe10 + 4 * 56)
#define W 4
#define IP (8 * W)
#else
#define SLOTS (0x1480 + 8 * 56)
#define W 8
#define IP (16 * W)
#endif
#define FL (IP + W)
#define REASON (IP + 2 * W)
#define NEXT (IP + 3 * W)
#define CHILD_SP (IP + 4 * W)
#define CHILD_VM (IP + 5 * W)
#define PARENT_SP (IP + 6 * W)
#define BY80 (IP + 7 * W)
