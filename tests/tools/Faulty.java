/** Calls a native function that breaks a rule of JNI: see tools/test-kotlin.sh. */
final class Faulty {
    static native void call();

    public static void main(String[] arguments) {
        System.load(arguments[0]);
        try {
            call();
        } catch (IllegalStateException expected) {
            System.out.println("called");
        }
    }
}
