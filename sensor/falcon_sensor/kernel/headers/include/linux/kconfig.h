/* Compiled in front of everything: makes bcc's own copy of the BPF interface declare all of it. */
#define CONFIG_BPF_SYSCALL 1
