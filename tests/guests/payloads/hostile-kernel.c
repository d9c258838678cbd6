/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile guest: random bytes executed at CPL 0; whatever happens then is right but a crash of the
 * emulator. The number on the command line is the seed.
 */
#include "runtime.h"

static void again(struct frame *f)
{
    uint32_t *bytes = (uint32_t *)VIRTUAL;
    if (f->vector == 33)
        lapic_write(LAPIC_EOI, 0);
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = random_next();
    /* now and then an opcode that leads further than chance would */
    static const uint8_t prefixes[][2] = { { 0x0f, 0x01 }, { 0x0f, 0x22 }, { 0x0f, 0x30 },
                                           { 0xf0, 0x0f }, { 0xff, 0x25 }, { 0xf3, 0xa4 } };
    if (random_next() % 8 == 0)
        __builtin_memcpy((void *)VIRTUAL, prefixes[random_next() % 6], 2);
    f->rip = VIRTUAL;
    f->cs = CODE;
    f->ss = DATA;
    f->rsp = VIRTUAL + 2 * PAGE - 256;
    f->rflags = 0x202;
    for (uint64_t *reg = &f->r15; reg <= &f->rax; reg++)
        *reg = random_next() & 1 ? VIRTUAL + PAGE + (random_next() & 0xff8) : random_next();
    lapic_write(LAPIC_TIMER, 33);
    lapic_write(LAPIC_INITIAL, 20000);
}

unsigned payload(void)
{
    static uint8_t stack[2048] __attribute__((aligned(16)));
    extern uint8_t stubs[];
    random_state = option_number() * 2654435761u | 1;
    lapic_enable();
    lapic_write(LAPIC_DIVIDE, 0xb);
    map(VIRTUAL, (unsigned long)page_alloc(), PTE_P | PTE_W);
    map(VIRTUAL + PAGE, (unsigned long)page_alloc(), PTE_P | PTE_W);
    set_stack(1, stack + sizeof(stack));
    for (unsigned i = 0; i < 64; i++) {
        handlers[i] = again;
        set_gate(i, stubs + 16 * i, 0x8e, 1);
    }
    __asm__ volatile("sti; ud2");
    return 0;
}
