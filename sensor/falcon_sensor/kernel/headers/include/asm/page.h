/* bcc sizes ring buffers in pages; ours are asked for in units of this size on every machine. */
#define PAGE_SIZE 4096
