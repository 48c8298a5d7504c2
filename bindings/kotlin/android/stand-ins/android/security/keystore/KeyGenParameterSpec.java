package android.security.keystore;

import java.security.spec.AlgorithmParameterSpec;

/**
 * A stand-in: the part of the class that KeystoreSecureStore and the stand-in of the Keystore use,
 * as Android declares it.
 */
public final class KeyGenParameterSpec implements AlgorithmParameterSpec {
    private final Builder of;

    private KeyGenParameterSpec(Builder of) {
        this.of = of;
    }

    public String getKeystoreAlias() {
        return of.alias;
    }

    public int getPurposes() {
        return of.purposes;
    }

    public String[] getBlockModes() {
        return of.blockModes.clone();
    }

    public String[] getEncryptionPaddings() {
        return of.encryptionPaddings.clone();
    }

    public int getKeySize() {
        return of.keySize;
    }

    /** A stand-in, like the class. */
    public static final class Builder {
        private final String alias;
        private final int purposes;
        private String[] blockModes = {};
        private String[] encryptionPaddings = {};
        private int keySize = -1;

        public Builder(String alias, int purposes) {
            this.alias = alias;
            this.purposes = purposes;
        }

        public Builder setBlockModes(String... modes) {
            blockModes = modes.clone();
            return this;
        }

        public Builder setEncryptionPaddings(String... paddings) {
            encryptionPaddings = paddings.clone();
            return this;
        }

        public Builder setKeySize(int bits) {
            keySize = bits;
            return this;
        }

        public KeyGenParameterSpec build() {
            return new KeyGenParameterSpec(this);
        }
    }
}
