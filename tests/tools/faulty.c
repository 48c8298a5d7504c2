/* Breaks a rule of JNI, a call while an exception is pending: see tools/test-kotlin.sh. */
#include <jni.h>

JNIEXPORT void JNICALL Java_Faulty_call(JNIEnv *env, jclass class)
{
    (*env)->ThrowNew(env, (*env)->FindClass(env, "java/lang/IllegalStateException"), "pending");
    (*env)->GetSuperclass(env, class);
}
