/* Counts the instructions that an emulated program executes: a plugin for QEMU's user mode, version 7.2.
 *
 * A program that wants to know calls lseek(descriptor, MAGIC, 0) on a pipe. The system refuses that in any case, so it
 * harms nothing where nobody counts; here the number of instructions so far goes into the pipe first, as eight bytes in
 * the order of this machine. edgeall/measuring/instructions.py is the other end.
 *
 * One number for all threads, without a lock: exact while one thread works at a time.
 *
 * The declarations are those of QEMU's interface for plugins, as far as they are needed
 * (https://www.qemu.org/docs/master/devel/tcg-plugins.html).
 */
#include <stdint.h>
#include <unistd.h>

typedef uint64_t u64;
struct qemu_plugin_tb;
enum { ADD_U64 = 0 };
typedef void on_translation(u64 id, struct qemu_plugin_tb *block);
typedef void on_call(u64 id, unsigned cpu, int64_t number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h);

extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_trans_cb(u64 id, on_translation *callback);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation, void *to, u64 by);
extern void qemu_plugin_register_vcpu_syscall_cb(u64 id, on_call *callback);

int qemu_plugin_version = 1;

static const int64_t LSEEK = 62; /* on AArch64 */
static const u64 MAGIC = 0x65646765616c6c;

static u64 executed;

static void translated(u64 id, struct qemu_plugin_tb *block) {
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &executed, qemu_plugin_tb_n_insns(block));
}

static void called(u64 id, unsigned cpu, int64_t number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h) {
    (void)id, (void)cpu, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number == LSEEK && b == MAGIC) {
        u64 now = executed;
        if (write((int)a, &now, sizeof now) != sizeof now) {
            /* A pipe with no room: the reader finds fewer numbers than it asked for, and says so. */
        }
    }
}

int qemu_plugin_install(u64 id, const void *about, int count, char **words) {
    (void)about, (void)count, (void)words;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
