/* System calls on arm64: native ones, and 32-bit ones of 32-bit processes. The first argument's
 * register also carries the result, so the kernel keeps a copy of the original. */
#define EV_TIF_32BIT 22
#define EV_O_LARGEFILE 0400000

static __always_inline int ev_is_compat(u64 task)
{
    return READ(u64, task, FALCON_TASK_COMPAT) >> EV_TIF_32BIT & 1;
}

static __always_inline u32 ev_number_in(u64 registers)
{
    return READ(u32, registers, FALCON_REGS_NUMBER);
}

static __always_inline void ev_read_arguments(struct ev_workspace *w, u64 registers, int compat)
{
    u64 mask = compat ? 0xffffffffULL : ~0ULL;
    w->arguments[0] = READ(u64, registers, FALCON_REGS_FIRST) & mask;
    w->arguments[1] = READ(u64, registers, FALCON_REGS_X0 + 1 * sizeof(u64)) & mask;
    w->arguments[2] = READ(u64, registers, FALCON_REGS_X0 + 2 * sizeof(u64)) & mask;
    w->arguments[3] = READ(u64, registers, FALCON_REGS_X0 + 3 * sizeof(u64)) & mask;
    w->arguments[4] = READ(u64, registers, FALCON_REGS_X0 + 4 * sizeof(u64)) & mask;
    w->arguments[5] = READ(u64, registers, FALCON_REGS_X0 + 5 * sizeof(u64)) & mask;
}
