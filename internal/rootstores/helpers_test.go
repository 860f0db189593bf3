package rootstores_test

import "encoding/hex"

func hexText(id [32]byte) []byte { return []byte(hex.EncodeToString(id[:])) }
