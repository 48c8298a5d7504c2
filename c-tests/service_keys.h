/*
 * Keys of the recorded exchanges (crates/inwebo/tests/vectors) that a service sends: no test needs
 * a private key.
 */
#ifndef SERVICE_KEYS_H
#define SERVICE_KEYS_H

static const char FACTORY_KEY[] = "b83d95cc1c38b8eee6578e9bbababdbb6556ed9ee353b008fafee3a3e862e574498dd56449f6ac9478da4eabd5f0c2d40570"
                                  "82faedd48cfe890cec4e9ba42f1adc2c21230e513118b43d768f8b12025bf05f4a10dfdc5b1491123c90a316570c77cb72c8"
                                  "feff33253d9ea31e9bb0b7e13f38c1bf46b9d353fa9e3cab80ee70af";

/* The device key, sealed by the factory key. */
static const char DEVICE_KEY[] = "76fc8521df180341325a1ea611719a0f538e591a90462a31f252f59f00f2767eb2e353bfb60ad28afcd3d8e3f35f6d2f7bcd"
                                 "3c290889d772b954b72cc484ff8e3efc3f1ebae8fd0cf063165c0a3792f63342fb610c0a81716056791d7b3cf20a063d2f2a"
                                 "4ffb94433726d1a0f8bbd85865f32ca63ef6475f9cc899d1120626974a74459fc445005dadc65ccdc23b533c5d5b144bc9d0"
                                 "83abafe3e1d57769c34c2e2af77c11ea2226791a76af556d07a2c9c5ff7af5f418717b512ba39a0ebd2a3ff511796e2bc049"
                                 "11de7bab866bf11ab0dc7bf51dcc84145dedc5933673e9e65793aa16fb29d898e4a0161de892fa2215c7073b7358980c5d25"
                                 "3d6b0c8781b078eec06b7226e3815b2366b1cdbb0bdb677720b417df81c3ff9b7c0e23b587ff71f6c37b4e776bdd609514e6"
                                 "222cd21fcffa19d5cb35b541a9e1975cf93c615669488253ef9168b1a2aacd3f36df1c766e1b6e03dd0b48b9e8e4660f7d89"
                                 "1054a3083d63b02aefe52170f0f4a28f22c45cc15225b5a67bfccdac9ee968e6f1a7";
static const char SECRET_KEY[] = "024988381f3bb059f156447c60618b47276bcb8fc1c97111b81edc60744536df5d685a1c2476128c59ae16f08514dd9b1668"
                                 "50fde08f171502f2d3e3695490f3be28ec78703e2e64ede712dd86f9e7589204fcd970d31e7fd5ff8b5674cd7fdb5fe347fa"
                                 "d2d3b304e384bc93d0be5faaad0808ffed3d822314f2f7da90448e24ae36d2fb90842b943b18c85da77b01000d72a6804c72"
                                 "27f0ef172ad416e22bcd7bbb516587982bf0f3ddc00140191e83d49567c4749013585b6068fd7ea709e967bbd43f079e6c8f"
                                 "a815504a3d16b51fc783cb303a1b9a56d13a56a2c5f4bc3cd28f746de98f6a4462b505100c054287a516e6a157517d0a03c1"
                                 "9e4c38e41a4376f5b229d5e43083c8f6c858d79c23de0146cf105b574245253088425717d930c3300a36f7161591644dd65f"
                                 "e133fca84a8d1859edeb31359351747b89bca06d23114b6a946d041388c14536ec3052a4c5857a614d831d8b5662d79d439e"
                                 "1d75f8a53160aa2adc34d28a102e640b4d8861ef577095033bcc49fc845e31457b65";

/* Any 16 bytes are a K0 and a K1: they are hidden as single blocks. */
static const char HIDDEN_K0[] = "ae448bbfc77a3cfdcad9a048bf52826f";
static const char HIDDEN_K1[] = "45bdbb4711f52b7533f73a00dca0c1c9";

#endif
