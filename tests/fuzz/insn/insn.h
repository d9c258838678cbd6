/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Differential fuzzing of single instructions: the software CPU against the CPU this runs on.
 *
 * A case is machine code (one instruction, or a short block), registers and memory, all derived
 * from a seed and a number. It runs natively in this process (native.c) and on the software CPU in
 * user mode, 64-bit or compatibility (soft.c), on the same memory at the same addresses; then
 * everything visible is compared (compare.c), but for what is open on the host's CPU (vendor.c).
 * forms.c is the table of instructions, generate.c makes cases from it, operand.c what they work
 * on.
 */
#ifndef INSN_FUZZ_H
#define INSN_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- memory map, the same addresses for both sides ------------------------------------------- */
#define CODE_BASE  0x10000000ull
#define CODE_PAGES 64u
#define CODE_SLOTS ((CODE_PAGES - 1) * 31u) /* after so many cases code places are used again */
#define DATA_BASE  0x10100000ull /* two writable pages, one read-only page; around them nothing */
#define DATA_PAGES 2u
#define RO_BASE    (DATA_BASE + DATA_PAGES * 4096)
#define GS_BASE    0x0000000000765430ull
/* What may be written and is compared: around the border between the data pages, and before the
 * read-only page. */
#define ARENA_A      (DATA_BASE + 4096 - 2048)
#define ARENA_A_SIZE 4096u
#define ARENA_B      (RO_BASE - 1024)
#define ARENA_B_SIZE 1024u
#define ARENA_SIZE   (ARENA_A_SIZE + ARENA_B_SIZE)

/* --- instruction forms ----------------------------------------------------------------------- */
#define F_MODRM    (1u << 0)
#define F_MEM      (1u << 1) /* ModRM must name memory */
#define F_REG      (1u << 2) /* ModRM must name a register */
#define F_BYTE     (1u << 3) /* operand is a byte */
#define F_VAR      (1u << 4) /* operand size by 66 and REX.W */
#define F_D64      (1u << 5) /* operand size 64, 16 with 66 */
#define F_W        (1u << 6) /* REX.W matters, 66 is not free */
#define F_LOCKABLE (1u << 7) /* LOCK is legal with a memory destination */
#define F_PLUS     (1u << 8) /* register in the opcode's low bits */
#define F_I8       (1u << 9)
#define F_IZ       (1u << 10)
#define F_IV       (1u << 11)
#define F_I16      (1u << 12)
#define F_MOFFS    (1u << 13)
#define F_STACK    (1u << 14) /* RSP must be good */
#define F_STRING   (1u << 15)
#define F_REP      (1u << 16)
#define F_BITOFF   (1u << 17) /* register operand is a bit offset that moves the address */
#define F_X87      (1u << 18)
#define F_SSE      (1u << 19)
#define F_MMX      (1u << 20)
#define F_ALIGN    (1u << 21) /* 16 bytes aligned, usually */
#define F_POPF     (1u << 22)
#define F_FRAME    (1u << 23) /* ENTER, LEAVE */
#define F_XLAT     (1u << 24)
#define F_MASKMOV  (1u << 25)
#define F_STATE    (1u << 26) /* FXRSTOR, FRSTOR..: memory should hold a plausible image */
#define F_CMPXCHG  (1u << 27)
#define F_DIV      (1u << 28)
#define F_BRANCH   (1u << 29) /* relative branch */
#define F_NOBLOCK  (1u << 30) /* not inside blocks */
#define F_FIXED    (1u << 31) /* ModRM byte is `ext` as it is */

/* What floating-point values a memory operand (and registers) should hold. */
enum fp_kind {
    FP_NONE, FP_F32, FP_F64, FP_F80, FP_BCD, FP_INT,
    FP_TEXT, /* bytes of a small alphabet, for string comparisons */
};

struct form {
    const char *name;
    uint16_t opcode; /* 0x0fxx: two-byte map; 0x38xx, 0x3axx: three-byte maps */
    int16_t ext;     /* ModRM.reg, -1: a register; with F_FIXED the whole ModRM byte */
    uint8_t prefix;  /* mandatory: 0, 0x66, 0xf2, 0xf3 */
    uint8_t size;    /* bytes of the memory operand; 0: by operand size */
    uint8_t fp;      /* enum fp_kind */
    uint32_t flags;
    uint16_t undefined; /* arithmetic flags not to compare */
    uint8_t only;       /* 0: both modes, ONLY_64, ONLY_32 */
};
#define ONLY_64 1
#define ONLY_32 2
extern const struct form forms[];
extern const unsigned form_count;

struct _IO_FILE;

/* --- vendors --------------------------------------------------------------------------------- */
/* What is open in an instruction; vendor.c has the table. */
#define OPEN_AF           (1u << 0)
#define OPEN_DOUBLE_SHIFT (1u << 1)
#define OPEN_PUSHED       (1u << 2)
#define OPEN_POINTERS     (1u << 3)
#define OPEN_IMAGE        (1u << 4)
#define OPEN_TOP          (1u << 5)
#define OPEN_STRING       (1u << 6)
#define OPEN_ALIGN        (1u << 7)
#define OPEN_LIMIT        (1u << 8)
#define OPEN_ORDER        (1u << 9)
#define OPEN_PREFIX       (1u << 10) /* neither LOCK nor stray prefixes */
#define OPEN_MXCSR        (1u << 11)
#define OPEN_ENVIRONMENT  (1u << 12)
#define OPEN_DATA_POINTER (1u << 13)
#define OPEN_OPCODE       (1u << 14)
#define OPEN_WIDTH        (1u << 15) /* with 16-bit operands */
#define OPEN_LENGTH       (1u << 16)
#define OPEN_NAN          (1u << 17)
/* What follows in a block would go on from what is open. */
#define OPEN_NOBLOCK (OPEN_TOP | OPEN_ENVIRONMENT | OPEN_NAN)

/* false: there is no table for the CPU's vendor; says so. */
bool vendor_init(struct _IO_FILE *out);
/* What is not compared on this host. */
void vendor_print(struct _IO_FILE *out);
uint32_t vendor_open(const struct form *f);
/* Arithmetic flags that are undefined with it. */
uint16_t vendor_undefined(uint32_t open);

/* --- cases ----------------------------------------------------------------------------------- */
struct state {
    uint64_t gpr[16]; /* hardware order */
    uint64_t rip, rflags;
    _Alignas(64) uint8_t fx[512]; /* FXSAVE64 image */
};

struct fuzz_case {
    const struct form *form; /* the last instruction's */
    const struct form *block[8];
    unsigned count; /* instructions */
    uint64_t address;
    uint8_t code[96];
    unsigned length; /* without the exits that follow */
    bool branch;     /* the last one is a relative branch to the second exit */
    bool compat;     /* 32-bit code (compatibility mode) */
    uint32_t pinned; /* registers that addressing depends on */
    uint16_t undefined;
    uint32_t open;         /* OPEN_..: what CPUs of this vendor may do otherwise */
    uint64_t open_address; /* of FXSAVE's image */
    unsigned open_size;    /* of a string's addresses; of what is pushed */
    bool loose_fault; /* address and error code of a page fault may differ */
    struct state in;
    uint8_t memory[ARENA_SIZE];
};

/* Where execution ended. */
#define VECTOR_NONE (-1)
#define VECTOR_ODD  (-2) /* the software CPU did something that it must not in this test */
struct outcome {
    struct state state;
    int vector;    /* exception, or VECTOR_NONE: came to an exit */
    unsigned exit; /* which: 0 fell through, 1 branch taken */
    uint64_t error, cr2;
    uint8_t memory[ARENA_SIZE];
};

void generate_case(struct fuzz_case *k, uint64_t seed, uint64_t number, const struct form *only,
                   unsigned block_share, unsigned compat_share);

/* The code with its exits, at its address. */
void case_place(const struct fuzz_case *k);
void arena_load(const uint8_t *memory);
void arena_store(uint8_t *memory);

int native_init(void);
void native_run(const struct fuzz_case *k, struct outcome *o);
extern uint8_t *code_write; /* writable view of the code pages */
/* Guest RAM: code, data and read-only pages as one host mapping. */
extern uint8_t *ram_view;
#define RAM_PAGES (CODE_PAGES + DATA_PAGES + 1)
/* Addresses that generated code jumps to when it is done: in 64-bit code the assembly's, in 32-bit
 * code a low page that goes there. */
extern uint64_t native_exit_address[2];
#define LOW_EXIT(n) (0x10080000ull + 64 * (n))
static inline uint64_t exit_address(const struct fuzz_case *k, unsigned n)
{
    return k->compat ? LOW_EXIT(n) : native_exit_address[n];
}
/* Bytes of code that each exit takes. */
#define EXIT_SIZE_64 14u
#define EXIT_SIZE_32 5u
/* Selectors of Linux processes. */
#define USER_CS64 0x33
#define USER_CS32 0x23
#define USER_DS   0x2b

int soft_init(void);
void soft_fini(void);
void soft_run(const struct fuzz_case *k, struct outcome *o);
/* Code pages change: forget what was decoded. */
void soft_new_code(void);

/* Makes equal what is open in the case. true: all of it is. */
bool vendor_settle(const struct fuzz_case *k, struct outcome *host, struct outcome *soft);

/* 0: equal. Otherwise prints what differs to `out` unless that is NULL. */
bool outcomes_equal(const struct fuzz_case *k, const struct outcome *native,
                    const struct outcome *soft, struct _IO_FILE *out);
void case_print(const struct fuzz_case *k, struct _IO_FILE *out);
const char *form_name(const struct fuzz_case *k, char *buf, size_t size);

#endif
