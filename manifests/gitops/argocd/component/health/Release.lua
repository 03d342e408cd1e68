local status = obj.status or {}

local function find(kind)
  for _, row in ipairs(status.conditions or {}) do
    if row.type == kind then
      return row
    end
  end
  return {}
end

local function health(is, message)
  return {status = is, message = message or ""}
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "it is being deleted")
end
if status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "the operator has not looked at it as it is now")
end

local ready = find("Ready")
if find("Stalled").status == "True" then
  return health("Degraded", ready.message)
end
if ready.reason == "Held" then
  return health("Suspended", ready.message)
end
if ready.status ~= "True" then
  return health("Progressing", ready.message)
end
local back = find("BackMerged")
if back.reason == "BackMergeOverdue" then
  return health("Suspended", back.message)
end
return health("Healthy", ready.message)
