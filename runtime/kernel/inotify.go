package kernel

const (
	inotifyMaxEvents  = 16384
	inotifyMaxWatches = 65536
)
