package store

import (
	"os"
	"syscall"
)

func statOf(info os.FileInfo) stat {
	st := info.Sys().(*syscall.Stat_t)
	return stat{info.Size(), st.Ino, st.Mtim.Nano(), st.Ctim.Nano()}
}
