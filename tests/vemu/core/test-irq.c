/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupt lines and their users.
 */
#include "test-main.h"

START_TEST(shared)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct fake_device *one = fake_add_device(vm, "one", NULL);
    struct fake_device *two = fake_add_device(vm, "two", NULL);
    struct fake_device *other = fake_add_device(vm, "other", "irq", "23", NULL);

    OK(vemu_vm_realize(vm, &err));
    vemu_irq_set(one->irq, true);
    ck_assert(atomic_load(&fake.level[5]));
    vemu_irq_set(two->irq, true);
    vemu_irq_set(two->irq, true); /* the same again */
    vemu_irq_set(one->irq, false);
    ck_assert(atomic_load(&fake.level[5]));
    ck_assert_uint_eq(atomic_load(&fake.edges[5]), 1);
    vemu_irq_set(two->irq, false);
    ck_assert(!atomic_load(&fake.level[5]));
    ck_assert_uint_eq(atomic_load(&fake.edges[5]), 2);
    vemu_irq_pulse(one->irq);
    ck_assert_uint_eq(atomic_load(&fake.edges[5]), 4);
    ck_assert_uint_eq(atomic_load(&fake.edges[23]), 0);
    vemu_irq_set(other->irq, true);
    ck_assert(atomic_load(&fake.level[23]));
    vemu_irq_set(NULL, true); /* not connected */
    vemu_vm_unref(vm);
}
END_TEST

static void *toggle(void *data)
{
    struct vemu_irq *irq = data;
    int i;

    for (i = 0; i < 20000; i++)
        vemu_irq_set(irq, i & 1);
    vemu_irq_set(irq, false);
    return NULL;
}

START_TEST(racing_users)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct fake_device *devices[3] = { fake_add_device(vm, "a", NULL),
                                       fake_add_device(vm, "b", NULL),
                                       fake_add_device(vm, "c", NULL) };
    pthread_t threads[3];
    int i;

    OK(vemu_vm_realize(vm, &err));
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, toggle, devices[i]->irq), 0);
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ck_assert(!atomic_load(&fake.level[5]));
    ck_assert_uint_eq(atomic_load(&fake.edges[5]) % 2, 0);
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { shared, racing_users, NULL };

    return run_tests("irq", tests);
}
