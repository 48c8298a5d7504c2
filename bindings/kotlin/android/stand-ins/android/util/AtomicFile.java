package android.util;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;

/** A stand-in: what KeystoreSecureStore uses of the class, as Android declares it and as it behaves from API 30 on. */
public class AtomicFile {
    /** Whether renaming fails, which {@link #finishWrite} does not tell. */
    public static volatile boolean renamingFails;

    private final File base;
    private final File written;

    public AtomicFile(File base) {
        this.base = base;
        this.written = new File(base.getPath() + ".new");
    }

    public File getBaseFile() {
        return base;
    }

    public void delete() {
        base.delete();
        written.delete();
    }

    public byte[] readFully() throws IOException {
        try (FileInputStream stream = new FileInputStream(base)) {
            return stream.readAllBytes();
        }
    }

    public FileOutputStream startWrite() throws IOException {
        return new FileOutputStream(written);
    }

    public void finishWrite(FileOutputStream stream) {
        try {
            stream.close();
            if (!renamingFails) {
                Files.move(written.toPath(), base.toPath(), StandardCopyOption.ATOMIC_MOVE);
            }
        } catch (IOException told) {
            // Android writes it into its log.
        }
    }

    public void failWrite(FileOutputStream stream) {
        try {
            stream.close();
        } catch (IOException told) {
            // As above.
        }
        written.delete();
    }
}
