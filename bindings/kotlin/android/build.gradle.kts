// An .aar of the classes in ../src/main/kotlin and of native libraries in
// jniLibs/ABI/libpims_jni.so. Build the libraries first. For arm64-v8a:
//
//     target=aarch64-linux-android
//     cargo build --release -p pims-jni --no-default-features --target $target
//     mkdir -p jniLibs/arm64-v8a
//     cp ../../../target/$target/release/libpims_jni.so jniLibs/arm64-v8a/
//
// For x86_64 do the same with x86_64-linux-android. Cargo must know the NDK's compilers;
// tools/cross.sh shows how. Without the default features the library embeds no service. So an app
// without a configured service fails; with an embedded service it would enroll with itself.
//
// The libraries are aligned for pages of 16 KB. The alignment matters if the app leaves them
// uncompressed in its package, which is the default (its packaging.jniLibs.useLegacyPackaging). Not
// run: see ../README.md.
plugins {
    id("com.android.library") version "8.13.0"
    id("org.jetbrains.kotlin.android") version "2.2.20"
}

android {
    namespace = "libpims"
    compileSdk = 36

    defaultConfig {
        // java.util.Base64 exists since API 26.
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
        ndk {
            abiFilters += listOf("arm64-v8a", "x86_64")
        }
    }
    sourceSets["main"].apply {
        kotlin.srcDirs("../src/main/kotlin", "src")
        jniLibs.srcDirs("jniLibs")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
}

dependencies {
    // An app with this library gets a flow of changes, and calls that can be cancelled.
    compileOnly("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.10.2")
}

kotlin {
    compilerOptions {
        jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_11
    }
}
