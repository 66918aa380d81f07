/* config.h: what a server is told at its start (docs/operations.md). All strings outlive the server. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "base/sys.h"
#include "scheme/resolve.h"

struct server_config {
    struct sys *sys;
    struct str data; /* data folder */
    struct str pack; /* folder with scheme.yaml; at == NULL: DATA/pack if present, else the built-in one */
    struct str http; /* "ADDRESS:PORT" */
    struct str line; /* TCP and UDP; empty: no line ports */
    struct str url;  /* how people reach it; empty: http://HTTP */
    struct str
        allow_hosts; /* comma separated host names accepted beside the loopback ones and the address itself */
    uint32_t threads;       /* ingest threads; 0: as many as there are cores */
    uint32_t query_threads; /* 0: as many as there are cores */
    enum undeclared undeclared;
    int64_t keep_ms;         /* 0: no age limit */
    uint64_t disk_bytes_max; /* 0: 80 % of what was free at first start */
    int64_t head_age_ms;     /* 0: the store's default */
    uint64_t head_bytes_max; /* 0: the store's default */
};

#endif
