/* What the programs of `records/calls.py`'s shapes share: registers as the kernel reads them. */

#define EV_DEFAULT 6
#define EV_NOWHERE 7

/* Cuts each register to its width. Bits above it are the caller's leftovers, and the kernel does not look at them:
 * nor may a filter. Without branches, which the verifier would walk in all combinations. */
static __always_inline void ev_narrow(struct ev_workspace *w)
{
    u64 widths = ev_widths(w->facts.event);
#pragma unroll
    for (u32 i = 0; i < 6; i++) {
        u64 width = widths >> 8 * i;
        u64 shift = width & 63;
        u64 is_signed = -(width >> 6 & 1);
        u64 given = w->arguments[i] << shift;
        u64 value = (((s64)given >> shift) & is_signed) | (given >> shift & ~is_signed);
        value &= (width >> 7 & 1) - 1;
        w->arguments[i] = value;
        w->facts.arguments[i] = value;
    }
    w->arguments[EV_NOWHERE] = 0;
}

/* The register that holds the n-th thing this event's program asks for. */
static __always_inline u64 ev_argument(struct ev_workspace *w, u32 places, u32 n)
{
    return w->arguments[places >> 4 * n & 7];
}

static __always_inline int ev_has(u32 places, u32 n)
{
    return (places >> 4 * n & 7) != EV_NOWHERE;
}

static __always_inline void ev_tell_registers(const struct ev_workspace *w, s64 out[6])
{
#pragma unroll
    for (u32 i = 0; i < 6; i++)
        out[i] = w->facts.arguments[i];
}

/* A short string in user memory as blob `slot`. */
static __always_inline void ev_give_text(struct ev_workspace *w, u32 slot, u64 address)
{
    s64 length = address ? ev_read_user_str(w->text, FALCON_TEXT_CAP, (void *)address) : 1;
    if (length < 1) {
        w->facts.flags |= FALCON_FLAG_UNREADABLE;
        length = 1;
    }
    ev_give(w, slot, FALCON_TEXT_CAP, (u64)w->text, length - 1, 0);
}
