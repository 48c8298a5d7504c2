import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import libpims.Callback;
import libpims.Pims;

/**
 * Enrolls a device and makes a one-time password, from Java.
 *
 * <p>No service is configured: the embedded one writes its SMS into a file of the folder, which is named by the first argument.
 */
public final class Enroll {
    private static final String SMSCODE = "pims.authentication.smscode";

    private Enroll() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        Pims.setOnException(exception -> System.err.println("in a callback: " + exception));
        result(callback -> Pims.initialize(Map.of("storage", Map.of("path", folder.toString())), callback));
        try {
            String number = "+33612345678";
            result(callback -> Pims.get(SMSCODE, Map.of("type", "phoneNumberCertification", "phoneNumber", number), callback));
            String code = code(folder);
            // A PIN as characters can be wiped; a String cannot.
            char[] pin = {'1', '2', '3', '4'};
            try {
                Map<String, Object> enroll =
                        Map.of("action", "enrollWithPhoneNumber", "pinCode", pin, "smsCode", code, "phoneNumber", number);
                result(callback -> Pims.set("pims.authentication.enrollment", enroll, callback));
                Map<String, Object> password = Map.of("action", "withPIN", "pinCode", pin);
                Map<?, ?> made = (Map<?, ?>) result(callback -> Pims.get("pims.authentication.otp", password, callback));
                System.out.println("one-time password: " + made.get("otp"));
            } finally {
                java.util.Arrays.fill(pin, '\0');
            }
        } finally {
            Pims.release();
        }
    }

    private interface Call {
        void with(Callback callback);
    }

    /** The result of a call, once its message is there. */
    private static Object result(Call call) throws Exception {
        CompletableFuture<Map<String, ?>> message = new CompletableFuture<>();
        call.with(message::complete);
        Map<String, ?> told = message.get();
        if (!"SUCCEEDED".equals(told.get("status"))) {
            throw new IllegalStateException("it failed: " + told.get("error"));
        }
        return told.get("result");
    }

    /** The code of the last SMS. */
    private static String code(Path folder) throws Exception {
        List<String> messages = Files.readAllLines(folder.resolve("sms-outbox.jsonl"));
        return messages.get(messages.size() - 1).replaceFirst(".*\"code\":\"([0-9]+)\".*", "$1");
    }
}
