package android.content;

import java.io.File;

/** A stand-in: what KeystoreSecureStore uses of the class, as Android declares it. */
public abstract class Context {
    public abstract File getNoBackupFilesDir();
}
