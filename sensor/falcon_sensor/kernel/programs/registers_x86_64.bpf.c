/* System calls on x86-64: 64-bit calls, x32 ones (bit 30 of the number) and 32-bit ones, which any
 * process may make with `int 0x80`, so it is the call and not the process that is asked. */
#define EV_TS_COMPAT 0x2
#define EV_O_LARGEFILE 0100000

static __always_inline int ev_is_compat(u64 task)
{
    return (READ(u32, task, FALCON_TASK_COMPAT) & EV_TS_COMPAT) != 0;
}

static __always_inline u32 ev_number_in(u64 registers)
{
    return READ(u32, registers, FALCON_REGS_NUMBER);
}

/* At a call's exit everything but ax is still what it was at the entry. */
static __always_inline void ev_read_arguments(struct ev_workspace *w, u64 registers, int compat)
{
    char saved[FALCON_REGS_SIZE];
    ev_read_kernel(saved, sizeof(saved), (void *)registers);
#define EV_REGISTER(offset) (*(u64 *)&saved[offset])
    if (compat) {
        w->arguments[0] = (u32)EV_REGISTER(FALCON_REGS_BX);
        w->arguments[1] = (u32)EV_REGISTER(FALCON_REGS_CX);
        w->arguments[2] = (u32)EV_REGISTER(FALCON_REGS_DX);
        w->arguments[3] = (u32)EV_REGISTER(FALCON_REGS_SI);
        w->arguments[4] = (u32)EV_REGISTER(FALCON_REGS_DI);
        w->arguments[5] = (u32)EV_REGISTER(FALCON_REGS_BP);
    } else {
        w->arguments[0] = EV_REGISTER(FALCON_REGS_DI);
        w->arguments[1] = EV_REGISTER(FALCON_REGS_SI);
        w->arguments[2] = EV_REGISTER(FALCON_REGS_DX);
        w->arguments[3] = EV_REGISTER(FALCON_REGS_R10);
        w->arguments[4] = EV_REGISTER(FALCON_REGS_R8);
        w->arguments[5] = EV_REGISTER(FALCON_REGS_R9);
    }
#undef EV_REGISTER
}
