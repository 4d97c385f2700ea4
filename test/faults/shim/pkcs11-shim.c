/*
 * A PKCS#11 module that forwards to another one (SHIM_MODULE) and fails on command.
 *
 * The file named by SHIM_CONTROL holds one line, "FUNCTION ACTION COUNT AFTER": once AFTER calls of
 * FUNCTION went through, the next COUNT (-1: all) do ACTION instead, which is a CK_RV in decimal, or for C_Sign flip, short,
 * zero-r, zero-s (the signature is spoilt), or hang (the call never returns). The file is removed
 * when the count is used up. Each watched call is appended to SHIM_LOG.
 *
 * SHIM_IDLE_SESSION: milliseconds after which a session that no watched call used is dead
 * (CKR_SESSION_HANDLE_INVALID). SHIM_IDLE_DEVICE: milliseconds without any watched call after which
 * the device answers CKR_DEVICE_ERROR until C_Finalize, as a YubiHSM 2 whose own session has ended.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CK_PTR *
#ifndef NULL_PTR
#define NULL_PTR 0
#endif
#include "pkcs11.h"

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST shim;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Looks whether this call is to fail; the action is copied out. */
static int commanded(const char *function, char *action, size_t size) {
  const char *path = getenv("SHIM_CONTROL");
  const char *log = getenv("SHIM_LOG");
  char name[64], what[64];
  int count, after, hit = 0;
  FILE *file;
  pthread_mutex_lock(&lock);
  if (log != NULL && (file = fopen(log, "a")) != NULL) {
    fprintf(file, "%s\n", function);
    fclose(file);
  }
  if (path != NULL && (file = fopen(path, "r")) != NULL) {
    int fields = fscanf(file, "%63s %63s %d %d", name, what, &count, &after);
    fclose(file);
    if (fields == 4 && strcmp(name, function) == 0) {
      hit = after <= 0;
      snprintf(action, size, "%s", what);
      if (after > 0) after--;
      else if (count > 0) count--;
      if (count == 0) {
        unlink(path);
      } else if ((file = fopen(path, "w")) != NULL) {
        fprintf(file, "%s %s %d %d\n", name, what, count, after);
        fclose(file);
      }
    }
  }
  pthread_mutex_unlock(&lock);
  if (hit && strcmp(action, "hang") == 0)
    for (;;) pause();
  return hit;
}

#define SESSIONS 4096
static long long session_used[SESSIONS];
static long long device_used;
static int device_dead;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static long long setting(const char *name) {
  const char *text = getenv(name);
  return text == NULL ? 0 : atoll(text);
}

/* What idleness did to the device and to this session (0: a call without one); a call that passes is a use. */
static CK_RV idle(CK_SESSION_HANDLE session) {
  long long device = setting("SHIM_IDLE_DEVICE"), limit = setting("SHIM_IDLE_SESSION"), at = now();
  CK_RV rv = CKR_OK;
  pthread_mutex_lock(&lock);
  if (device > 0 && device_used > 0 && at - device_used > device) device_dead = 1;
  device_used = at;
  if (device_dead) {
    rv = CKR_DEVICE_ERROR;
  } else if (limit > 0 && session > 0) {
    long long *used = &session_used[session % SESSIONS];
    if (*used > 0 && at - *used > limit) rv = CKR_SESSION_HANDLE_INVALID;
    else *used = at;
  }
  pthread_mutex_unlock(&lock);
  return rv;
}

#define FAIL_IF_IDLE(session)            \
  do {                                   \
    CK_RV idle_rv = idle(session);       \
    if (idle_rv != CKR_OK) return idle_rv; \
  } while (0)

#define FAIL_IF_COMMANDED(function)                                \
  do {                                                             \
    char action[64];                                               \
    if (commanded(function, action, sizeof action)) return (CK_RV)strtoul(action, NULL, 10); \
  } while (0)

static CK_RV finalize(CK_VOID_PTR reserved) {
  pthread_mutex_lock(&lock);
  device_dead = 0;
  device_used = 0;
  memset(session_used, 0, sizeof session_used);
  pthread_mutex_unlock(&lock);
  return real->C_Finalize(reserved);
}

static CK_RV initialize(CK_VOID_PTR arguments) {
  FAIL_IF_COMMANDED("C_Initialize");
  return real->C_Initialize(arguments);
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count) {
  FAIL_IF_COMMANDED("C_GetSlotList");
  return real->C_GetSlotList(present, list, count);
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application,
                          CK_NOTIFY notify, CK_SESSION_HANDLE_PTR session) {
  CK_RV rv;
  FAIL_IF_COMMANDED("C_OpenSession");
  FAIL_IF_IDLE(0);
  rv = real->C_OpenSession(slot, flags, application, notify, session);
  if (rv == CKR_OK) session_used[*session % SESSIONS] = now();
  return rv;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                   CK_ULONG length) {
  FAIL_IF_COMMANDED("C_Login");
  return real->C_Login(session, user, pin, length);
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR attributes,
                               CK_ULONG count) {
  FAIL_IF_COMMANDED("C_FindObjectsInit");
  FAIL_IF_IDLE(session);
  return real->C_FindObjectsInit(session, attributes, count);
}

static CK_RV generate_random(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length) {
  FAIL_IF_COMMANDED("C_GenerateRandom");
  FAIL_IF_IDLE(session);
  return real->C_GenerateRandom(session, data, length);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                       CK_OBJECT_HANDLE key) {
  FAIL_IF_COMMANDED("C_SignInit");
  FAIL_IF_IDLE(session);
  return real->C_SignInit(session, mechanism, key);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                  CK_BYTE_PTR signature, CK_ULONG_PTR signature_length) {
  char action[64];
  CK_RV rv;
  int spoil = commanded("C_Sign", action, sizeof action);
  rv = real->C_Sign(session, data, length, signature, signature_length);
  if (!spoil || rv != CKR_OK) return rv;
  if (strcmp(action, "flip") == 0) {
    signature[*signature_length / 3] ^= 0x10;
  } else if (strcmp(action, "short") == 0) {
    *signature_length -= 1;
  } else if (strcmp(action, "zero-r") == 0) {
    memset(signature, 0, *signature_length / 2);
  } else if (strcmp(action, "zero-s") == 0) {
    memset(signature + *signature_length / 2, 0, *signature_length / 2);
  } else {
    return (CK_RV)strtoul(action, NULL, 10);
  }
  return CKR_OK;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  if (real == NULL) {
    const char *path = getenv("SHIM_MODULE");
    void *library = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get =
        library == NULL ? NULL : (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
    if (get == NULL || get(&real) != CKR_OK) return CKR_GENERAL_ERROR;
    shim = *real;
    shim.C_GetFunctionList = C_GetFunctionList;
    shim.C_Initialize = initialize;
    shim.C_Finalize = finalize;
    shim.C_GetSlotList = get_slot_list;
    shim.C_OpenSession = open_session;
    shim.C_Login = login;
    shim.C_FindObjectsInit = find_objects_init;
    shim.C_GenerateRandom = generate_random;
    shim.C_SignInit = sign_init;
    shim.C_Sign = sign;
  }
  *list = &shim;
  return CKR_OK;
}
