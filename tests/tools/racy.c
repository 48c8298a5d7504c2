/* Two threads that race: see tools/test-tsan.sh. */
#include <pthread.h>
static int shared;
static void *add(void *none)
{
    shared++;
    return none;
}
int main(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, add, NULL)) return 0;
    add(NULL);
    return pthread_join(thread, NULL);
}
